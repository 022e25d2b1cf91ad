"""How they decide: classes, electorates, votes, petitions, and the execution of what passed."""
