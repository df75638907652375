"""What people choose when they are asked for eight characters: written down by us, no list of stolen ones."""

from __future__ import annotations

from typing import Final

#: In lower case, without the digits and signs at the ends that make them "strong".
COMMON: Final = frozenset(
    """
    password passwort motdepasse contrasena contraseña senha wachtwoord parola
    passw0rd passwd pass mypassword yourpassword thepassword newpassword oldpassword
    passphrase letmein letmeinnow openup opensesame welcome willkommen bienvenue
    hello hallo bonjour hellothere helloworld goodbye iloveyou loveyou ichliebedich jetaime teamo loveme
    admin administrator root superuser sysadmin moderator owner gamemaster dungeonmaster streamer broadcaster
    guest user username login signin access secret topsecret geheim segreto private default changeme
    change changeit testing test tester example sample demo temp temporary trustno1 whatever nothing
    something anything everything whocares iforgot forgot forgotten dontknow remember reminder
    qwerty qwertz azerty zxcvbnm 1q2w3e4r 1qaz2wsx q1w2e3r4
    qazwsx qweasd qweasdzxc asdasd qweqwe zaq12wsx abcdefgh abcabc abcd1234 a1b2c3d4 aabbccdd
    11223344 12341234 13131313 31415926 27182818 20252025 20262026
    monkey dragon tiger lion eagle falcon phoenix unicorn rainbow sunshine moonlight starlight butterfly
    princess prince queen king master ninja pirate wizard warrior samurai shadow phantom hunter ranger killer
    football fussball soccer baseball basketball chelsea liverpool barcelona realmadrid
    batman superman spiderman ironman starwars skywalker startrek pokemon pikachu minecraft fortnite roblox
    leagueoflegends dungeonsanddragons pathfinder baldursgate waterdeep
    twitch kick youtube google facebook hubbub streaming livestream
    summer winter spring autumn january december monday friday sunday
    computer internet keyboard notebook samsung android iphone windows linux macintosh
    chocolate coffee cookie cheese
    """.split()  # noqa: SIM905  one word a line would be two hundred lines
)
