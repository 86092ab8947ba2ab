"""The bot in a simulated Discord, in the browser: no account, no provider, nothing to pay."""
