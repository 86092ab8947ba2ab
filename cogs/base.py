"""The bot itself: what every feature shares."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands

from cogs.ui import cards
from cogs.ui.speech import speech
from kirin.stages import Intake
from kirin.store import FactStore

log = logging.getLogger(__name__)

_TOO_LATE = frozenset({10062, 40060})
_COMMANDS_FACT = "commands:{application_id}"


class KirinBot(commands.Bot):
    """A bot of slash commands alone: no intents, no prefix, no mentions."""

    def __init__(
        self,
        *,
        intake: Intake,
        facts: FactStore,
        extensions: Sequence[str],
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(
            command_prefix=(),
            help_command=None,
            intents=discord.Intents.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            tree_cls=Tree,
        )
        self.intake = intake
        self.now = now
        self._facts = facts
        self._features = tuple(extensions)

    async def setup_hook(self) -> None:
        """Load the features, and tell Discord of the commands if they have changed."""
        for feature in self._features:
            await self.load_extension(feature)
        await self._sync_if_changed()

    async def _sync_if_changed(self) -> None:
        """Register the commands: Discord allows 200 creations a day, so only when they differ."""
        name = _COMMANDS_FACT.format(application_id=self.application_id)
        fingerprint = _fingerprint([c.to_dict(self.tree) for c in self.tree.get_commands()])
        known = await self._facts.get(name)
        if known is not None and known.value == fingerprint:
            return
        synced = await self.tree.sync()
        await self._facts.learn(name, fingerprint, self.now())
        log.info("registered %d commands", len(synced))


class Tree(app_commands.CommandTree[KirinBot]):
    """Answers for handlers that have failed."""

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError
    ) -> None:
        """Tell the person, and leave the details in the log under the interaction's id."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        if isinstance(cause, discord.HTTPException) and cause.code in _TOO_LATE:
            log.warning("interaction %s was too late or answered elsewhere", interaction.id)
            return
        log.error("interaction %s failed", interaction.id, exc_info=cause)
        if not interaction.response.is_done():
            return
        try:
            await interaction.edit_original_response(
                view=cards.internal_error_card(
                    str(interaction.id), speech(str(interaction.locale))
                ),
                attachments=[],
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except (discord.DiscordException, aiohttp.ClientError, OSError) as failure:
            log.warning("interaction %s could not be told: %s", interaction.id, failure)


def _fingerprint(payload: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
