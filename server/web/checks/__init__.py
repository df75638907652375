"""Would the show work? All checks of an installation and of a show, in one registry (operations.md §2).

The desk asks for all of them; `hubbub doctor` makes those that can be made without the running program.
"""
