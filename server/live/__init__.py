"""From COMMIT to the browser.

`frames` is the protocol of `/live` and `close_codes` its endings; `room` keeps what a campaign shows
and can tell anybody what they missed; `hub` feeds the connected clients, `caretaker` ends those who do
not answer, `positions` compares rooms with PostgreSQL, `bus` carries changes between processes; `socket`
lets clients in through `doorman`, `transport` is the TCP end of one client. Nothing here decides anything
about a game.
"""
