"""The bot itself: what every feature shares."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from cogs.ui.answers import owning_up
from cogs.ui.translator import Translator
from kirin.download import PictureDownloader
from kirin.stages import Intake
from kirin.store import DraftStore, FactStore, GenerationStore, PeopleStore

log = logging.getLogger(__name__)

_PATIENCE_AT_THE_END = 10.0
_COMMANDS_FACT = "commands:{application_id}"


class KirinBot(commands.AutoShardedBot):
    """A bot of slash commands alone: no intents, no prefix, no mentions.

    `shard_count` None is as many as Discord recommends, `shard_ids` None all of them. Without
    `extensions` it offers nothing and registers nothing, and is there to edit messages.
    """

    def __init__(
        self,
        *,
        intake: Intake,
        store: GenerationStore,
        people: PeopleStore,
        drafts: DraftStore,
        facts: FactStore,
        downloader: PictureDownloader,
        extensions: Sequence[str],
        result_lifetime: timedelta,
        now: Callable[[], datetime],
        shard_count: int | None = 1,
        shard_ids: Sequence[int] | None = None,
    ) -> None:
        super().__init__(
            command_prefix=(),
            help_command=None,
            intents=discord.Intents.none(),
            allowed_mentions=discord.AllowedMentions.none(),
            tree_cls=Tree,
            shard_count=shard_count,
        )
        self.shard_ids = list(shard_ids) if shard_ids else None
        self.intake = intake
        self.store = store
        self.people = people
        self.drafts = drafts
        self.downloader = downloader
        self.result_lifetime = result_lifetime
        self.now = now
        self._facts = facts
        self._features = tuple(extensions)
        self._answering: set[asyncio.Task[Any]] = set()

    def is_listening(self) -> bool:
        """Say whether every shard of this process hears Discord at this moment."""
        shards = self.shards.values()
        return self.is_ready() and not any(shard.is_closed() for shard in shards)

    def note_handler(self) -> None:
        """Note that the current task answers somebody, so that the end of the bot waits for it."""
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def finish_handlers(self) -> None:
        """Wait (10 s at most) for those who have been acknowledged to be written down."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=_PATIENCE_AT_THE_END)

    async def setup_hook(self) -> None:
        """Load the features, and tell Discord of the commands if they have changed."""
        if not self._features:
            return
        for feature in self._features:
            await self.load_extension(feature)
        await self.tree.set_translator(Translator())
        await self._sync_if_changed()

    async def _sync_if_changed(self) -> None:
        """Register the commands: Discord allows 200 creations a day, so only when they differ."""
        name = _COMMANDS_FACT.format(application_id=self.application_id)
        fingerprint = _fingerprint(await self._translated_commands())
        known = await self._facts.get(name)
        if known is not None and known.value == fingerprint:
            return
        synced = await self.tree.sync()
        await self._facts.learn(name, fingerprint, self.now())
        log.info("registered %d commands", len(synced))

    async def _translated_commands(self) -> list[dict[str, Any]]:
        translator = self.tree.translator
        if translator is None:
            return [command.to_dict(self.tree) for command in self.tree.get_commands()]
        return [
            await command.get_translated_payload(self.tree, translator)
            for command in self.tree.get_commands()
        ]


class Tree(app_commands.CommandTree[KirinBot]):
    """Knows which handlers are under way, and answers for those that have failed."""

    async def interaction_check(self, _interaction: discord.Interaction[Any], /) -> bool:
        """Let every command through; this is the first thing that its task does."""
        self.client.note_handler()
        return True

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError
    ) -> None:
        """Tell the person what a failed command means for them."""
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        name = interaction.command.name if interaction.command else ""
        async with owning_up(interaction, takes_a_wish=name == "imagine"):
            raise cause


def _fingerprint(payload: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
