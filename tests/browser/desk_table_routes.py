"""The HTTP routes of the stand-in's table (desk_table.py), in the shapes of the real API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from starlette.requests import Request

from server.rules.criticality import Clause, CriticalityRule, applies, judge, told
from server.rules.notation import NotNotation
from tests.browser.desk_harness import FakeHubbub
from tests.browser.desk_poll import Refusal, new_id, now, wire
from tests.browser.desk_table import FakeTable, Json, critical_of, drawn, thrown

Answer = Callable[[Request, Any], Any]
_LIMIT = 50


def page(items: list[Json]) -> Json:
    return {"items": items, "next": None}


class TableApi:
    """Handlers as those of `desk_routes.Api`."""

    def __init__(self, hubbub: FakeHubbub) -> None:
        self.hub = hubbub

    def table(self, request: Request) -> FakeTable:
        return self.hub.table(request.path_params["campaign"])

    def having(self, request: Request, name: str) -> tuple[FakeTable, Json]:
        """The table that has the thing of the path, and the thing."""
        wanted = request.path_params["id"]
        for table in self.hub.tables.values():
            found = getattr(table, name).get(wanted)
            if found is not None:
                return table, found
        raise Refusal(404, "There is no such thing.", "not_found")

    # -- settings ----

    def settings(self, request: Request, _: Any) -> Json:
        return self.table(request).settings

    def change_settings(self, request: Request, body: Any) -> Json:
        table = self.table(request)
        table.settings.update(body)
        if "game_system" in body:
            table.play(body["game_system"])
        return table.settings

    # -- connections ----

    def connections(self, request: Request, _: Any) -> Json:
        return page(list(self.table(request).connections.values()))

    def connect(self, request: Request, body: Any) -> Json:
        table = self.table(request)
        fresh = {"heard_at": None, "rolls_per_minute": 0}
        return table.secrets(table.add_connection(body["system"], body["name"], **fresh))

    def change_connection(self, request: Request, body: Any) -> Json:
        _, connection = self.having(request, "connections")
        connection.update(body)
        return connection

    def drop_connection(self, request: Request, _: Any) -> None:
        table, connection = self.having(request, "connections")
        del table.connections[connection["id"]]

    def act_on_connection(self, request: Request, _: Any) -> Json:
        table, connection = self.having(request, "connections")
        match request.path_params["verb"]:
            case "test-roll":
                table.add_roll("1d20+5", simulated=True, player_name="Test", connection_id=connection["id"])
                return {}
            case "rotate":
                connection["older_secrets_until"] = wire(now() + timedelta(hours=24))
                return table.secrets(connection)
            case "revoke":
                connection.update(status="revoked", revoked_at=wire(now()), sockets=0)
                return connection
            case _:
                connection.update(status="active", revoked_at=None)
                return table.secrets(connection)

    def pair(self, request: Request, body: Any) -> Json:
        table = self.table(request)
        if body["code"].replace("-", "") != table.waiting_code:
            raise Refusal(404, "There is no such code; it may have expired.", "not_found")
        return table.add_connection(
            "foundry-module", "My World", heard_at=None, sockets=0, rolls_per_minute=0
        )

    def offer(self, request: Request, body: Any) -> Json:
        table = self.table(request)
        table.offers.append(body["system"])
        return {"code": "HBB-234", "expires_at": wire(now() + timedelta(minutes=5))}

    # -- rolls ----

    def rolls(self, request: Request, _: Any) -> Json:
        found = sorted(self.table(request).rolls.values(), key=lambda roll: roll["id"], reverse=True)
        if request.query_params.get("pending") == "true":
            found = [roll for roll in found if roll["attribution"] == "pending"]
        return page(found[: int(request.query_params.get("limit", _LIMIT))])

    def roll(self, request: Request, body: Any) -> Json:
        table = self.table(request)
        character = table.characters.get(body.get("character_id", ""), {})
        more = {key: body[key] for key in ("label", "visibility", "player_name", "simulated") if key in body}
        if more.get("visibility", "public") != "public" and table.settings["seals_secret"]:
            more["seal"] = "5ea1ed" + new_id().replace("-", "")
        try:
            return table.add_roll(
                body["notation"],
                character_id=character.get("id"),
                character_name=character.get("name", ""),
                **more,
            )
        except NotNotation as error:
            raise Refusal(422, str(error), "invalid") from None

    def act_on_roll(self, request: Request, body: Any) -> Json:
        table, roll = self.having(request, "rolls")
        match request.path_params["verb"]:
            case "attribute":
                character = table.characters[body["character_id"]]
                roll.update(
                    attribution="attributed", character_id=character["id"], character_name=character["name"]
                )
            case "dismiss":
                roll["attribution"] = "dismissed"
            case "reveal":
                roll["revealed_at"] = wire(now())
        return roll

    def proof(self, request: Request, _: Any) -> Json:
        _, roll = self.having(request, "rolls")
        return {"format": "hubbub.sealed_roll/1", "commitment": roll["seal"], "nonce": "00" * 32, "roll": {}}

    # -- characters and the fight ----

    def characters(self, request: Request, _: Any) -> Json:
        return page(list(self.table(request).characters.values()))

    def new_character(self, request: Request, body: Any) -> Json:
        points = body.pop("hit_points", None)
        both = points and (points["current"], points["maximum"])
        return self.table(request).add_character(body.pop("name"), points=both, **body)

    def change_character(self, request: Request, body: Any) -> Json:
        _, character = self.having(request, "characters")
        character.update(body)
        return character

    def drop_character(self, request: Request, _: Any) -> Json:
        table, character = self.having(request, "characters")
        del table.characters[character["id"]]
        return {}

    def assign(self, request: Request, body: Any) -> Json:
        table, character = self.having(request, "characters")
        for other in table.characters.values():
            if body["channel_id"] == "game_master" == other["assigned_to"]:
                other["assigned_to"] = None
        character["assigned_to"] = body["channel_id"]
        return character

    def merge(self, request: Request, body: Any) -> Json:
        table, character = self.having(request, "characters")
        into = table.characters[body["into"]]
        into["hit_points"] = into["hit_points"] or character["hit_points"]
        del table.characters[character["id"]]
        return into

    def commands(self, request: Request, _: Any) -> Json:
        return page(list(self.table(request).commands.values())[::-1])

    def tell_again(self, request: Request, _: Any) -> Json:
        _, command = self.having(request, "commands")
        command.update(state="waiting", reason="", told_at=None)
        return command

    def combat(self, request: Request, _: Any) -> Json:
        return self.table(request).combat

    def conceal(self, request: Request, body: Any) -> Json:
        combat = self.table(request).combat
        for one in combat["combatants"]:
            if one["combatant_id"] == body["combatant_id"]:
                one["concealed"] = body["concealed"]
        return combat

    # -- rules ----

    def rules(self, request: Request, _: Any) -> Json:
        table = self.table(request)
        return page([table.shown_rule(rule) for rule in table.rules])

    @staticmethod
    def values(body: Json) -> Json:
        known = {field.name for field in fields(CriticalityRule)}
        given = {name: value for name, value in body.items() if name in known}
        if "also" in given:
            given["also"] = tuple(Clause(**clause) for clause in given["also"])
        if "kinds" in given:
            given["kinds"] = frozenset(given["kinds"])
        return given

    def new_rule(self, request: Request, body: Any) -> Json:
        table = self.table(request)
        rule = CriticalityRule(rule_id=new_id(), **self.values(body))
        table.rules.insert(0, rule)
        return table.shown_rule(rule)

    def rule_of(self, request: Request) -> tuple[FakeTable, int]:
        for table in self.hub.tables.values():
            for place, rule in enumerate(table.rules):
                if rule.rule_id == request.path_params["id"]:
                    return table, place
        raise Refusal(404, "There is no such rule.", "not_found")

    def change_rule(self, request: Request, body: Any) -> Json:
        table, place = self.rule_of(request)
        rule = replace(table.rules[place], **self.values(body))
        if rule.is_system_preset and body.keys() != {"is_enabled"}:
            rule = replace(rule, edited=True)
        table.rules[place] = rule
        return table.shown_rule(rule)

    def drop_rule(self, request: Request, _: Any) -> None:
        table, place = self.rule_of(request)
        del table.rules[place]

    def presets(self, request: Request, body: Any) -> Json:
        table = self.table(request)
        table.play(body["game_system"])
        return {"game_system": body["game_system"], "rules": [table.shown_rule(rule) for rule in table.rules]}

    def try_rules(self, request: Request, body: Any) -> Json:
        table = self.table(request)
        roll = thrown(body["notation"], tuple(body.get("faces", ())))
        verdict = judge(table.rules, roll) or told(roll)
        matching = [table.shown_rule(rule) for rule in table.rules if applies(rule, roll)]
        return {**drawn(roll), "critical": critical_of(verdict), "matching": matching}

    def items(self, request: Request, _: Any) -> Json:
        return page(list(self.table(request).items.values()))

    def new_item(self, request: Request, body: Any) -> Json:
        return self.table(request).add_item_rule(body.pop("label"), body.pop("category"), **body)

    def item_types(self, _: Request, __: Any) -> Json:
        return page([{"item_type": "spell", "count": 14, "fields": {}}])

    def change_item(self, request: Request, body: Any) -> Json:
        _, rule = self.having(request, "items")
        rule.update(body)
        return rule

    def drop_item(self, request: Request, _: Any) -> None:
        table, rule = self.having(request, "items")
        del table.items[rule["id"]]

    # -- statistics ----

    def stats(self, request: Request, _: Any) -> Json:
        return self.table(request).stats(hidden=request.query_params.get("hidden") == "true")

    def show_luckiest(self, request: Request, _: Any) -> Json:
        luckiest = self.table(request).stats(hidden=False)["luckiest"]
        if luckiest is None:
            raise Refusal(409, "Nobody threw thirty dice yet.", "too_few")
        return {"luckiest": luckiest}


def table_routes(hubbub: FakeHubbub) -> list[tuple[str, str, Answer, int]]:
    """Method, path below /api/v1, handler, status."""
    api = TableApi(hubbub)
    campaign = "/campaigns/{campaign}"
    return [
        ("GET", f"{campaign}/table", api.settings, 200),
        ("PATCH", f"{campaign}/table", api.change_settings, 200),
        ("GET", f"{campaign}/vtt-connections", api.connections, 200),
        ("POST", f"{campaign}/vtt-connections", api.connect, 201),
        ("PATCH", "/vtt-connections/{id}", api.change_connection, 200),
        ("DELETE", "/vtt-connections/{id}", api.drop_connection, 204),
        ("POST", "/vtt-connections/{id}/{verb}", api.act_on_connection, 200),
        ("POST", f"{campaign}/vtt-pairings", api.pair, 201),
        ("POST", f"{campaign}/vtt-pairings/offer", api.offer, 201),
        ("GET", f"{campaign}/rolls", api.rolls, 200),
        ("POST", f"{campaign}/rolls", api.roll, 201),
        ("POST", "/rolls/{id}/{verb}", api.act_on_roll, 200),
        ("GET", "/rolls/{id}/proof", api.proof, 200),
        ("GET", f"{campaign}/characters", api.characters, 200),
        ("POST", f"{campaign}/characters", api.new_character, 201),
        ("PATCH", "/characters/{id}", api.change_character, 200),
        ("DELETE", "/characters/{id}", api.drop_character, 200),
        ("POST", "/characters/{id}/assign", api.assign, 200),
        ("POST", "/characters/{id}/merge", api.merge, 200),
        ("GET", f"{campaign}/vtt-commands", api.commands, 200),
        ("POST", "/vtt-commands/{id}/retry", api.tell_again, 200),
        ("GET", f"{campaign}/combat", api.combat, 200),
        ("POST", f"{campaign}/combat/conceal", api.conceal, 200),
        ("GET", f"{campaign}/criticality-rules", api.rules, 200),
        ("POST", f"{campaign}/criticality-rules", api.new_rule, 201),
        ("POST", f"{campaign}/criticality-rules/presets", api.presets, 200),
        ("POST", f"{campaign}/criticality-rules/try", api.try_rules, 200),
        ("PATCH", "/criticality-rules/{id}", api.change_rule, 200),
        ("DELETE", "/criticality-rules/{id}", api.drop_rule, 204),
        ("GET", f"{campaign}/item-category-rules", api.items, 200),
        ("POST", f"{campaign}/item-category-rules", api.new_item, 201),
        ("GET", f"{campaign}/item-category-rules/types", api.item_types, 200),
        ("PATCH", "/item-category-rules/{id}", api.change_item, 200),
        ("DELETE", "/item-category-rules/{id}", api.drop_item, 204),
        ("GET", f"{campaign}/dice-stats", api.stats, 200),
        ("POST", f"{campaign}/dice-stats/show", api.show_luckiest, 200),
    ]
