"""What Hubbub is measured beside: each folder holds one small fan-out program, as its system does it.

The programs take the orders of orders.py on stdin. Those of other systems run in their own environment
below build/bench-peers, with the project's root on the path and nothing else of it.
"""
