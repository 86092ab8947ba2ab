"""What people see: cards, texts, and how they get into a message."""
