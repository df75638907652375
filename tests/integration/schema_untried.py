"""Constraints of platforms, people and support that no row of the tests breaks yet.

They came together in one evening. Whoever adds rows for a table takes it off this list; nothing may be added.
"""

from __future__ import annotations

#: Tables of which no good row stands in schema_breaks.
UNTRIED = frozenset(
    {
        "account_issues",
        "alert_rules",
        "app_tokens",
        "campaign_consents",
        "channel_gaps",
        "channel_rewards",
        "donation_connections",
        "duties",
        "monetization_events",
        "oauth_tokens",
        "orphaned_rewards",
        "redemptions",
        "reward_checks",
        "twitch_subscriptions",
    }
)
#: Checks that tables with such a row have got since.
NEWER_CHECKS = frozenset(
    {
        "campaign_memberships_accepted",
        "campaign_memberships_ghost",
        "campaign_memberships_known",
        "campaign_memberships_login_check",
        "campaign_memberships_named",
        "campaign_memberships_owner",
        "campaign_memberships_platform_check",
        "campaign_memberships_platform_user_id_check",
        "campaign_memberships_reminded",
        "channel_readers_loss_check",
        "channels_live",
        "channels_live_told",
        "channels_title_check",
        "channels_title_told",
        "outbox_decided_by_check",
        "outbox_decision_check",
        "outbox_decision_is_carried_out",
        "outbox_decision_is_whole",
        "outbox_forgiven_check",
        "outbox_forgiven_were_attempts",
        "outbox_lease_has_holder",
        "outbox_order_key_check",
    }
)
NEWER_INDEXES = frozenset(
    {
        "campaign_memberships_account",
        "campaign_memberships_one_ghost",
        "campaign_memberships_one_owner",
        "channel_gaps_one_open",
        "channel_rewards_title",
        "character_assignments_channel",
    }
)
