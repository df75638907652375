"""Virtual tabletops: what each of them sends becomes rolls of `server.rules.dice`.

An adapter is pure. It takes the parsed JSON of one message and answers a `Reading`: rolls, and for each
part that is none, why. It never raises for what a stranger sent. `reading` has what all of them need;
the others have the name of the system they read (platforms/vtt.md).
"""
