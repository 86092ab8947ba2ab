"""The simulated server: who is there, where they talk, and what a newcomer reads first."""

from dataclasses import dataclass
from datetime import UTC, datetime

import simcord
from simcord._clock import Clock
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle

from demo.avatars import avatar

BOT_NAME = "Kirin"
TOPIC = "A simulation: no Discord account, no provider, nothing to pay. Type /imagine"
WELCOME = """\
**Welcome! This page is a simulation.** The bot is the real one; Discord and the picture \
provider are stand-ins on your own machine. Nothing leaves it and nothing costs anything.
1. Click into the box below and type `/imagine`, then press Enter.
2. Say what you would like to see, for example *a lighthouse in a storm*, and press Enter again.
3. The pictures arrive here by themselves. Click one to see it large.
4. Not quite right? **Again** makes other ones, **Edit** lets you change your words, and \
**Use as reference** makes something new of a picture.

Before sending, press **+ more** for a size, several pictures, or a picture to start from.

**What else there is to see**
- A failure: add `#fault:task-risk-control` to your words.
- A queue: ask for nine pictures, and press **Again** a few times.
- A provider that is down for a minute: send a few wishes, the last one with `#outage`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the page shows: a channel, its people, and their pictures by address."""

    channel: ChannelHandle
    you: MemberActor
    host: MemberActor
    avatars: dict[str, tuple[str, bytes]]


class WallClock(Clock):
    """Simulated time that is the real time, so that dates and expiries are true."""

    def now(self) -> datetime:
        """Return the present instant; the frozen original would expire every token at once."""
        return datetime.now(UTC)


async def furnish(env: simcord.Env) -> World:
    """Build the server around a running bot, and let a member welcome the visitor."""
    env.backend.clock = WallClock()
    guild = env.create_guild("Kirin demo")
    channel = guild.create_text_channel("pictures", topic=TOPIC)
    you = guild.add_member(env.create_user("you", global_name="You", avatar="you"))
    host = guild.add_member(env.create_user("mira", global_name="Mira", avatar="mira"))
    # Discord would take the bot's name and picture from its developer page.
    env.backend.edit_bot_profile(BOT_NAME)
    env.backend.bot_user.avatar = "kirin"
    await host.send(channel, WELCOME)
    faces = [
        avatar(you.id, "you", "Y", "#3ba55d"),
        avatar(host.id, "mira", "M", "#eb459e"),
        avatar(env.backend.bot_user.id, "kirin", "K", "#5865f2"),
    ]
    return World(channel=channel, you=you, host=host, avatars=dict(faces))
