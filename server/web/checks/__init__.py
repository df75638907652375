"""Would the show work? Every check of an installation and of a show, in one registry (domain/operations.md §2).

The desk asks for all of them; `hubbub doctor` makes those that can be made without the running program.
"""
