"""What the operator needs of Discord before the start: a token that works, and a link."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
import discord

INVITE_PERMISSIONS = discord.Permissions(
    view_channel=True, send_messages=True, send_messages_in_threads=True, attach_files=True
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFinding:
    """What came of trying a token: a problem in words, or whose it is and how to invite it."""

    problem: str | None = None
    invitation: str = ""


async def try_token(token: str) -> TokenFinding:
    """Log in to Discord's REST and out again; nobody sees it."""
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            await client.login(token)
        except discord.LoginFailure:
            return TokenFinding(
                problem="DISCORD_TOKEN is not accepted by Discord. Reset it on the page Bot, "
                "copy it."
            )
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            return TokenFinding(
                problem=f"Discord does not answer ({type(error).__name__}). Check the connection."
            )
        return TokenFinding(
            invitation=f"Invite {client.user} to a server with this link:\n{invite_link(client)}"
        )


def invite_link(client: discord.Client) -> str:
    """Return the link that adds the bot to a server, with the scopes and permissions it needs."""
    return discord.utils.oauth_url(
        client.application_id or 0,
        permissions=INVITE_PERMISSIONS,
        scopes=("bot", "applications.commands"),
    )
