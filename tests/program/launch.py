"""The real program, with Discord's two addresses changed to those in the environment."""

import os
import sys

import discord
import yarl
from discord.gateway import DiscordWebSocket

import bot

discord.http.Route.BASE = os.environ["STAND_IN_REST"]
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["STAND_IN_GATEWAY"])

if __name__ == "__main__":
    sys.exit(bot.main())
