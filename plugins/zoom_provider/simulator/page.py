"""The page: the people of the account, and the calls so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from zoom_provider.simulator.lifecycle import tick
from zoom_provider.simulator.people import People
from zoom_provider.simulator.person import Person, timestamp
from zoom_provider.simulator.world import World

_SHOWN = 200
_STATUSES = ("active", "pending", "inactive", "expired")
_ALWAYS = ("active", "pending", "inactive")
_OUTCOMES = {"cut": "Cut"}
_TYPES = {1: "Basic", 2: "Licensed", 4: "Unassigned", 99: "None"}

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#e4e7ec, #2b313b);
  --soft: light-dark(#667085, #98a2b3); --card: light-dark(#ffffff, #171b22); }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif;
  background: light-dark(#f5f7fa, #0e1116); color: light-dark(#1d2939, #e6e9ee); }
main { max-width: 80rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 1.5rem; } h1 small { font-weight: 400; color: var(--soft); }
p { margin: .25rem 0 1.5rem; color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 .75rem; }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .6rem 1rem; min-width: 5.5rem; }
dt { font-size: .8rem; color: var(--soft); } dd { margin: 0; font-size: 1.4rem; font-weight: 600; }
table { margin-top: 1.5rem; width: 100%; border-collapse: collapse; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; overflow: hidden; }
th { text-align: left; font-size: .8rem; color: var(--soft); font-weight: 500; }
th, td { padding: .5rem .9rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
td:nth-child(-n+2) { white-space: normal; overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; } code { font-size: .85em; color: var(--soft); }
.pill { border-radius: 1rem; padding: .1rem .6rem; font-size: .8rem; white-space: nowrap; }
.active { background: #12b76a33; } .pending { background: #f7900933; }
.inactive, .expired { background: #98a2b333; } .none { text-align: center; color: var(--soft); }
"""


def render(world: World) -> str:
    """Draw the page; every word that came from outside is escaped."""
    with world.lock:
        tick(world)
        people, statuses = world.people, world.request_log.statuses
        now = world.now()
        who = {
            "People": len(people),
            **{s.capitalize(): n for s, n in _count_statuses(people) if n or s in _ALWAYS},
            **{_TYPES.get(kind, str(kind)): n for kind, n in sorted(people.types.items()) if n},
        }
        what = {
            "Calls": sum(statuses.values()),
            "429s": statuses["429"],
            "Tokens": world.grants.issued,
            **{_OUTCOMES.get(k, f"HTTP {k}"): n for k, n in sorted(statuses.items()) if k != "429"},
        }
        rows = [_row(person) for person in people.newest(_SHOWN)]
        hidden = sum(people.statuses.values()) - len(rows)
        plan = world.settings.plan.capitalize()
    note = f" The newest {_SHOWN} are shown; {hidden} more are there." if hidden else ""
    body = "".join(rows) or '<tr><td colspan="6" class="none">No people yet.</td></tr>'
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2">'
        f"<title>Local Zoom</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Local Zoom <small>{plan} plan</small></h1>"
        f"<p>{timestamp(now)}, renewed every two seconds.{note}</p>"
        f"{_cards(who)}{_cards(what)}"
        "<table><thead><tr><th>Person</th><th>E-mail</th><th>Status</th><th>Type</th><th>Id</th>"
        f"<th>Created</th></tr></thead><tbody>{body}</tbody></table></main></body></html>"
    )


def _count_statuses(people: People) -> Iterator[tuple[str, int]]:
    return ((status, people.statuses[status]) for status in _STATUSES)


def _cards(counts: Mapping[str, int]) -> str:
    boxes = (f"<div><dt>{escape(k)}</dt><dd>{n:,}</dd></div>" for k, n in counts.items())
    return f"<dl>{''.join(boxes)}</dl>"


def _row(person: Person) -> str:
    name = person.name or "(no name)"
    return (
        f"<tr><td>{escape(name)}</td><td>{escape(person.email)}</td>"
        f'<td><span class="pill {person.status}">{person.status}</span></td>'
        f"<td>{_TYPES.get(person.type, str(person.type))}</td>"
        f"<td><code>{escape(person.id)}</code></td>"
        f"<td><time>{timestamp(person.created)}</time></td></tr>"
    )
