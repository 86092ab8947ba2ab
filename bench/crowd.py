"""Many people in one channel of the simulated Discord, and what it saw of the bot's answers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import simcord
from simcord import interactions
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle
from simcord.enums import InteractionType

from demo.world import WallClock
from kirin import images

_COMMAND = "imagine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """When things happened, by the interaction's id, in seconds.

    `sent` and `deferred` are on the monotonic clock; `illustrated`, when the edit with the
    pictures was accepted, is UNIX time, to be compared with another process.
    """

    sent: dict[int, float] = field(default_factory=dict)
    deferred: dict[int, float] = field(default_factory=dict)
    illustrated: dict[int, float] = field(default_factory=dict)

    def see(self, event: str, payload: Mapping[str, Any]) -> None:
        """Note an event of the simulated Discord, which emits it while it handles the request."""
        origin = payload.get("interaction_metadata")
        if origin is None:
            return
        if event == "MESSAGE_CREATE":
            self.deferred.setdefault(int(origin["id"]), time.perf_counter())
        elif event == "MESSAGE_UPDATE" and payload["attachments"]:
            self.illustrated.setdefault(int(origin["id"]), time.time())


class Crowd:
    """People who all press Enter at the same moment; wish number 7 asks for `words(7)`."""

    def __init__(self, env: simcord.Env, *, people: int) -> None:
        env.backend.clock = WallClock()  # so that a defer after three seconds is refused
        guild = env.create_guild("Burst")
        self._env = env
        self._channel: ChannelHandle = guild.create_text_channel("pictures")
        self._people: Sequence[MemberActor] = [
            guild.add_member(env.create_user(f"person{number}")) for number in range(people)
        ]
        self.answers = Answers()
        env.backend.subscribers.append(self.answers.see)

    def wish(self, count: int) -> list[int]:
        """Send so many commands without a pause; return the interactions' ids."""
        payloads = [self._payload(number) for number in range(count)]
        for payload in payloads:
            self.answers.sent[int(payload["id"])] = time.perf_counter()
            self._env.backend.emit("INTERACTION_CREATE", payload)
        return list(self.answers.sent)

    def has_picture(self, number: int, interaction_id: int) -> bool:
        """Say whether the answer shows its own words and carries one PNG file."""
        backend = self._env.backend
        message_id = backend.interactions[interaction_id].message_id
        if message_id is None:
            return False
        message = backend.get_message(self._channel.id, message_id)
        files = [backend.cdn.get(attachment["url"]) for attachment in message.attachments]
        shows_words = words(number) in json.dumps(message.components)
        return shows_words and [images.sniff(file or b"") for file in files] == ["PNG"]

    def kept_bytes(self) -> int:
        """Sum up the uploads that the simulated Discord keeps in this process's memory."""
        backend = self._env.backend
        return sum(
            attachment["size"]
            for message in backend.messages[self._channel.id].values()
            for attachment in message.attachments
        )

    def _payload(self, number: int) -> dict[str, Any]:
        """Build what an actor of simcord would send; actors would wait for one another."""
        person = self._people[number % len(self._people)]
        backend = self._env.backend
        command = backend.find_command(_COMMAND, person.guild.id, type=1)
        if command is None:
            raise RuntimeError(f"the bot has not registered /{_COMMAND}")
        options, _ = interactions.build_options(
            person, _COMMAND, command, {"prompt": words(number)}, channel_id=self._channel.id
        )
        _, payload = interactions.base_payload(
            backend,
            type=InteractionType.APPLICATION_COMMAND,
            channel_id=self._channel.id,
            guild_id=person.guild.id,
            user_id=person.id,
            data={"id": command["id"], "name": _COMMAND, "type": 1, "options": options},
        )
        return payload


def words(number: int) -> str:
    """Return the prompt of a wish, unlike all others."""
    return f"a lighthouse in a storm, picture {number:05}"
