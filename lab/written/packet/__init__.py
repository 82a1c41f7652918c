"""Packets that a row writes out by layers, as scapy names them: parsed, never evaluated, and without scapy.

What may be written is in `layers`, how a value is read in `values`; bytes are made of it in `lab.probe.crafting`.
"""
