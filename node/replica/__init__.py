"""The replica at work: its queue and turns, what it asks for, proposals and executed blocks."""
