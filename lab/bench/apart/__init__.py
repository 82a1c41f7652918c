"""Programs that run as processes of their own, in network and mount namespaces of their own: they leave nothing behind.

Each is started by `launch.py`, perhaps by another Python than ours, so none of them imports the lab.
"""
