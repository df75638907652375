"""What a poll looks like in the API, in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from server.rules.native_poll import NativePoll, in_words, unfit
from server.rules.poll import Poll, PollRules
from server.rules.poll_board import figures, phase_end
from server.rules.wiretime import from_wire
from server.web.models import Clean, Model, Moment, PageQuery, absent
from sql.polls import Draft, PollRow

Question = Annotated[str, Clean(120)]
Options = Annotated[list[Annotated[str, Clean(80)]], Field(min_length=2, max_length=10)]
Duration = Annotated[int, Field(ge=10, le=3600, description="Seconds")]
Rule = Literal["one_vote", "every_message"]
Tie = Literal["gm", "first", "random", "none"]
Words = Literal["off", "exact", "any_case"]
Weighting = Literal["sum", "channel", "capped", "per_head"]
CapPercent = Annotated[int, Field(ge=1, le=100)]
Grace = Annotated[int, Field(ge=0, le=60)]
Hold = Annotated[int, Field(ge=3, le=600)]
Native = Literal["off", "beside", "points"]
PointsPerVote = Annotated[int, Field(ge=1, le=1_000_000)]
AutoReveal = Annotated[int, Field(ge=0, le=600)]
OrderIndex = Annotated[int, Field(ge=0, le=1_000_000)]
State = Literal["draft", "open", "closing", "closed", "revealed", "cancelled"]


class PollIn(Model):
    question: Question
    options: Options
    duration_s: Duration
    rule: Rule = Field(default="one_vote", description="one vote a person, or every message counts")
    changeable: bool = Field(default=True, description="Whether a later vote replaces the earlier one")
    tie: Tie = Field(default="gm", description="Who decides a tie: you, who came first, chance, nobody")
    secret: bool = Field(default=False, description="No figures before the reveal")
    words: Words = Field(default="exact", description="Whether an option's label is a vote too")
    weighting: Weighting = Field(
        default="sum",
        description="sum: every vote weighs one; channel: one point a channel; capped: no channel holds more "
        "than cap_percent; per_head: every channel weighs the same",
    )
    cap_percent: CapPercent = 50
    grace_s: Grace | None = Field(
        default=None,
        description="Seconds in which votes sent in time may arrive; null: 3, or 15 with a Kick channel",
    )
    hold_s: Hold = Field(default=8, description="Seconds the result stays on stream")
    auto_reveal_s: AutoReveal | None = Field(
        default=None, description="Seconds from the count to the reveal; null: you reveal"
    )
    native: Native = Field(
        default="off",
        description="Twitch's own poll on every Twitch channel: off; beside: shown, chat counts; points: "
        "votes there that are paid with channel points count as well",
    )
    points_per_vote: PointsPerVote = Field(default=100, description="Channel points for one vote, for points")
    rundown_id: UUID | None = None
    order_index: OrderIndex | None = Field(default=None, description="null: behind all others")

    def draft(self) -> Draft:
        rules = PollRules(
            rule=self.rule,
            changeable=self.changeable,
            tie=self.tie,
            secret=self.secret,
            words=self.words,
            weighting=self.weighting,
            cap_percent=self.cap_percent,
            grace_s=self.grace_s,
            hold_s=self.hold_s,
            auto_reveal_s=self.auto_reveal_s,
            native=self.native,
            points_per_vote=self.points_per_vote,
        )
        return Draft(
            self.question, tuple(self.options), self.duration_s, rules, self.rundown_id, self.order_index
        )


class PollSettings(Model):
    """The rules of a poll; a field that is not given says nothing."""

    rule: Rule = absent()
    changeable: bool = absent()
    tie: Tie = absent()
    secret: bool = absent()
    words: Words = absent()
    weighting: Weighting = absent()
    cap_percent: CapPercent = absent()
    grace_s: Grace | None = absent()
    hold_s: Hold = absent()
    auto_reveal_s: AutoReveal | None = absent()
    native: Native = absent()
    points_per_vote: PointsPerVote = absent()


class PollPatch(PollSettings):
    """Fields that are not given stay as they are."""

    question: Question = absent()
    options: Options = absent()
    duration_s: Duration = absent()
    rundown_id: UUID | None = absent()
    order_index: OrderIndex = absent()


class PollQuery(PageQuery):
    state: Literal["draft", "running", "done"] | None = Field(
        default=None, description="running: open or closing; done: closed, revealed or cancelled"
    )
    rundown: UUID | None = None


class ExportQuery(Model):
    format: Literal["json", "csv"] = Field(default="json", description="json is what `hubbub verify` reads")


class LaunchIn(Model):
    simulated: bool = Field(default=False, description="Rehearse with a simulated crowd; nothing real counts")
    keep_draft: bool = Field(
        default=False,
        description="Launch a copy and answer it, so that the draft is still there for the show",
    )


class ResolveIn(Model):
    winner: Annotated[int, Field(ge=1, le=10, description="Index of a tied option")]


class ExtendIn(Model):
    seconds: Annotated[int, Field(ge=5, le=3600)]


class OptionOut(Model):
    index: int
    label: str
    votes: int | None = Field(description="null while a secret poll is not revealed")
    weight: float | None
    share: float | None = Field(description="Part of the total weight, 0 to 1")


class ChannelVotesOut(Model):
    platform: str
    login: str
    votes: int | None
    counts: Literal["chat", "points"] = Field(description="points: paid with channel points on Twitch")


class NativePollOut(Model):
    """Twitch's own poll on a channel."""

    login: str
    state: Literal["wanted", "running", "completed", "terminated", "archived", "refused"]
    detail: str = Field(description="The state in words")
    votes: list[int] | None = Field(
        description="By option, however they were given; null while a secret poll is not revealed"
    )
    points_votes: list[int] | None = Field(description="Those that were paid with channel points")


class PollOut(Model):
    id: UUID
    campaign_id: UUID
    definition_id: UUID | None
    rundown_id: UUID | None
    order_index: int
    question: str
    state: State
    options: list[OptionOut]
    total_votes: int
    duration_s: int
    rule: Rule
    changeable: bool
    tie: Tie
    secret: bool
    grace_s: int | None
    words: Words
    weighting: Weighting
    cap_percent: int
    hold_s: int
    auto_reveal_s: int | None
    native: Native
    points_per_vote: int
    native_unfit: list[str] = Field(description="Why Twitch would not take it; it cannot be launched so")
    native_polls: list[NativePollOut]
    simulated: bool
    opens_at: Moment | None
    closes_at: Moment | None
    phase_started_at: Moment | None
    ends_at: Moment | None = Field(description="When the present phase ends by itself")
    winner: int | None = Field(description="Index of the option that won")
    tied: list[int] = Field(description="Indexes of the options that share the top")
    tie_pending: bool = Field(description="Whether you have to decide the tie")
    commitment: str | None = Field(description="SHA-256 of the seed that decides a tie by chance")
    seed: str | None = Field(description="The seed, once revealed")
    channels: list[ChannelVotesOut]
    undo_until: Moment | None = Field(description="Until when a cancel can be undone")
    created_at: Moment


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_wire(text)


def _unfit(poll: Poll) -> list[str]:
    if poll.state != "draft" or poll.rules.native == "off":
        return []
    return list(unfit(poll.question, poll.options, poll.duration_s))


def natives_of(row: PollRow) -> list[NativePollOut]:
    """Twitch's own polls beside this one."""
    return [_native(native, row.poll) for native in row.natives]


def _native(native: NativePoll, poll: Poll) -> NativePollOut:
    hidden = poll.hides_votes or not native.votes
    return NativePollOut(
        login=native.login,
        state=native.state,
        detail=in_words(native, poll),
        votes=None if hidden else list(native.votes),
        points_votes=None if hidden else list(native.points),
    )


def shown(row: PollRow) -> PollOut:
    """A poll as it may be seen now: what is hidden is decided by rules.poll_board."""
    poll, rules = row.poll, row.poll.rules
    seen = figures(poll)
    return PollOut(
        id=poll.id,
        campaign_id=poll.campaign_id,
        definition_id=row.definition_id,
        rundown_id=row.rundown_id,
        order_index=row.order_index,
        question=poll.question,
        state=poll.state.value,
        options=[
            OptionOut(
                index=option.index,
                label=option.label,
                votes=option.votes,
                weight=option.weight,
                share=option.share,
            )
            for option in seen.options
        ],
        total_votes=seen.total_votes,
        duration_s=poll.duration_s,
        rule=rules.rule,
        changeable=rules.changeable,
        tie=rules.tie,
        secret=rules.secret,
        grace_s=rules.grace_s,
        words=rules.words,
        weighting=rules.weighting,
        cap_percent=rules.cap_percent,
        hold_s=rules.hold_s,
        auto_reveal_s=rules.auto_reveal_s,
        native=rules.native,
        points_per_vote=rules.points_per_vote,
        native_unfit=_unfit(poll),
        native_polls=natives_of(row),
        simulated=poll.simulated,
        opens_at=poll.opens_at,
        closes_at=poll.closes_at,
        phase_started_at=poll.phase_at,
        ends_at=_moment(phase_end(poll)),
        winner=seen.winner,
        tied=list(seen.tied),
        tie_pending=seen.tie_pending,
        commitment=seen.commitment,
        seed=seen.seed,
        channels=[
            ChannelVotesOut(
                platform=channel.platform, login=channel.login, votes=channel.votes, counts=channel.counts
            )
            for channel in seen.channels
        ],
        undo_until=poll.undo_until,
        created_at=row.created_at,
    )


def as_input(row: PollRow) -> dict[str, Any]:
    """A draft as the body that would make it, for a PATCH to be laid over."""
    poll, rules = row.poll, row.poll.rules
    return {
        "question": poll.question,
        "options": list(poll.options),
        "duration_s": poll.duration_s,
        "rule": rules.rule,
        "changeable": rules.changeable,
        "tie": rules.tie,
        "secret": rules.secret,
        "words": rules.words,
        "weighting": rules.weighting,
        "cap_percent": rules.cap_percent,
        "grace_s": rules.grace_s,
        "hold_s": rules.hold_s,
        "auto_reveal_s": rules.auto_reveal_s,
        "native": rules.native,
        "points_per_vote": rules.points_per_vote,
        "rundown_id": row.rundown_id,
        "order_index": row.order_index,
    }
