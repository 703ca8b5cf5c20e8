"""
Tell somebody when a task failed, or went well but left people who need a person's help.

Works with any notifier of Airflow's, and with any function that takes a context::

    def mail_to_hr(context):
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        SmtpNotifier(to="hr@example.com", subject=PEOPLE_SUBJECT, html_content=PEOPLE_HTML)(context)

    ZoomCreateUsersOperator(..., **attention_callbacks(mail_to_hr))

Such a function is what a DAG file wants: the notifier's provider is imported when there is
something to tell, not at each parse.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

PEOPLE_SUBJECT: Final = (
    "Zoom: {{ ti.dag_id }}.{{ ti.task_id }} {% if zoom.failed %}failed{% else %}"
    "is done, except for {{ zoom.count }} {{ 'person' if zoom.count == 1 else 'people' }}"
    "{% endif %}"
)
"""One line for the subject of an e-mail (a template; see :func:`attention_callbacks`)."""

PEOPLE_HTML: Final = """\
<p>{{ ti.dag_id | e }}.{{ ti.task_id | e }} {{ "failed" if zoom.failed else "is done" }}
in the run {{ ti.run_id | e }}. <a href="{{ zoom.log_url | e }}">Its log</a></p>
{% if zoom.error %}<p>{{ zoom.error | e }}</p>{% endif %}
{% if zoom.outcomes %}<p>
{% for outcome, count in zoom.outcomes.items() %}{{ count }} {{ outcome | e }}
{%- if not loop.last %}, {% endif %}{% endfor %}</p>{% endif %}
{% if zoom.people %}<table border="1" cellpadding="4" style="border-collapse: collapse">
<tr><th>source</th><th>row</th><th>key</th><th>e-mail</th><th>outcome</th><th>reason</th></tr>
{% for person in zoom.people %}<tr>
{% for name in ("source", "row", "key", "email", "outcome", "reason") -%}
<td>{{ "" if person[name] is none else person[name] | e }}</td>
{% endfor %}</tr>
{% endfor %}</table>{% endif %}
{% if zoom.more %}<p>{{ zoom.more }} more are in the report.</p>{% endif %}
{% if zoom.report %}<p>Report: {{ zoom.report | e }}</p>{% endif %}
"""
"""The body of an e-mail (a template; see :func:`attention_callbacks`)."""

PEOPLE_TEXT: Final = """\
{%- macro plain(value) -%}
{{ value | string | replace("&", "&amp;") | replace("<", "&lt;") | replace(">", "&gt;") }}
{%- endmacro -%}
{{ plain(ti.dag_id) }}.{{ plain(ti.task_id) }} {{ "failed" if zoom.failed else "is done" -}}
{{ " " }}in the run {{ plain(ti.run_id) }}: {{ zoom.log_url }}
{%- if zoom.error %}
{{ plain(zoom.error) }}
{%- endif %}
{%- for person in zoom.people %}
{{ plain(person.source) }}, row {{ person.row }}{{ ", " ~ plain(person.key) if person.key }}: {# -#}
{{ plain(person.email) }} {{ plain(person.outcome) -}}
{{ ", " ~ plain(person.reason) if person.reason }}
{%- endfor %}
{%- if zoom.more %}
{{ zoom.more }} more are in the report.
{%- endif %}
{%- if zoom.report %}
Report: {{ plain(zoom.report) }}
{%- endif %}"""
"""
The text of a chat message (a template; see :func:`attention_callbacks`).

``&``, ``<`` and ``>`` are escaped as Slack wants it, so that a cell of an export mentions nobody.
"""

Callback = Callable[["Context"], Any]


def attention_callbacks(notify: Callback) -> dict[str, Any]:
    """
    Return the two callbacks of a task that tell people, to be given to it with ``**``.

    ``on_failure_callback`` always tells; ``on_success_callback`` does where the task's XCom
    ``attention`` names somebody. What they tell is ``zoom`` in the context, for the templates of
    this module or your own: ``failed``, ``error`` (the exception's text, with known secrets masked;
    None in a DAG's own callback), ``people`` (the XCom: a list of ``source``, ``row``, ``key``,
    ``email``, ``outcome``, ``reason``), ``more`` (how many others are in the report), ``count`` (of
    both), ``outcomes``, ``report`` and ``log_url``. The people's texts are somebody's input:
    escape them.

    A notifier that fails leaves the task's state as it is; one line in the task's log says so.

    :param notify: a notifier, or a function that takes a context
    """
    return {
        "on_failure_callback": partial(_tell_failure, notify),
        "on_success_callback": partial(_tell_people, notify),
    }


def _tell_failure(notify: Callback, context: Context) -> None:
    _tell(notify, context, failed=True)


def _tell_people(notify: Callback, context: Context) -> None:
    if _pulled(context, "attention"):
        _tell(notify, context, failed=False)


def _tell(notify: Callback, context: Context, *, failed: bool) -> None:
    from airflow.providers.common.compat.sdk import redact

    from zoom_provider.provisioning.report import FAILURES

    people = _pulled(context, "attention") or []
    outcomes = _pulled(context, "outcomes") or {}
    count = max(len(people), sum(outcomes.get(outcome, 0) for outcome in FAILURES))
    error = context.get("exception")
    told = {
        "failed": failed,
        "error": redact(str(error)) if error else None,
        "people": people,
        "more": count - len(people),
        "count": count,
        "outcomes": outcomes,
        "report": _pulled(context, "report"),
        "log_url": context["ti"].log_url,
    }
    fields: Any = context
    fields["zoom"] = told
    try:
        # A notifier renders its templates in place: the next task would get this one's text.
        copy(notify)(context)
    except Exception as error:
        log.error("Nobody could be told: %s: %s", type(error).__name__, redact(str(error)))


def _pulled(context: Context, key: str) -> Any:
    """Give what the task pushed; None where it did not come to that."""
    ti = context["ti"]
    try:
        return ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index)
    except Exception as error:
        # The news that a task failed must not be lost with its details.
        log.warning("The task's XCom %r is not known here: %s", key, error)
        return None
