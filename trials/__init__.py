"""Trials: the whole engine in virtual time, on real SQLite, among seeded faults and crashes.

One seed is one run, and replays bit for bit. The engine, its stages and its store are the real
ones; only the provider, Discord and people are played, and they keep the truth that the engine is
held to afterwards (`trials.invariants`).
"""
