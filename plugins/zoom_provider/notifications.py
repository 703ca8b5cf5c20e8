"""
Notify people when a task failed, or succeeded but left users who need help.

It works with any of Airflow's notifiers, and with any function that takes a context::

    def mail_to_hr(context):
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        SmtpNotifier(to="hr@example.com", subject=PEOPLE_SUBJECT, html_content=PEOPLE_HTML)(context)

    ZoomCreateUsersOperator(..., **attention_callbacks(mail_to_hr))

Prefer such a function in a DAG file: it imports the notifier's provider only when a message is
sent, not each time the file is parsed.
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
{% if zoom.more %}<p>{{ zoom.more }} more are not listed here: see the log and the report.</p>
{% endif %}
{% if zoom.report %}<p>Report: {{ zoom.report | e }}</p>{% endif %}
"""
"""The body of an e-mail (a template; see :func:`attention_callbacks`)."""

PEOPLE_TEXT: Final = """\
{%- macro plain(value) -%}
{{ ("" if value is none else value) | string
   | replace("&", "&amp;") | replace("<", "&lt;") | replace(">", "&gt;") }}
{%- endmacro -%}
{{ plain(ti.dag_id) }}.{{ plain(ti.task_id) }} {{ "failed" if zoom.failed else "is done" -}}
{{ " " }}in the run {{ plain(ti.run_id) }}: {{ zoom.log_url }}
{%- if zoom.error %}
{{ plain(zoom.error) }}
{%- endif %}
{%- for person in zoom.people %}
{{ plain(person.source) }}{{ ", row " ~ plain(person.row) if person.row }}{# -#}
{{ ", " ~ plain(person.key) if person.key }}: {# -#}
{{ plain(person.email) ~ " " if person.email }}{{ plain(person.outcome) -}}
{{ ", " ~ plain(person.reason) if person.reason }}
{%- endfor %}
{%- if zoom.more %}
{{ zoom.more }} more are not listed here: see the log and the report.
{%- endif %}
{%- if zoom.report %}
Report: {{ plain(zoom.report) }}
{%- endif %}"""
"""
The text of a chat message (a template; see :func:`attention_callbacks`).

``&``, ``<`` and ``>`` are escaped as Slack requires, so that a cell of an export cannot mention
a channel or a member.
"""

Callback = Callable[["Context"], Any]


def attention_callbacks(notify: Callback) -> dict[str, Any]:
    """
    Return a task's two callbacks, to be passed to it with ``**``.

    ``on_failure_callback`` always notifies. ``on_success_callback`` notifies only if the task's
    XCom ``attention`` has entries. Both put ``zoom`` into the context, for the templates of this
    module or your own:

    - ``failed``: whether the task failed
    - ``error``: the exception's text, with known secrets masked; None in a DAG's own callback
    - ``people``: the XCom ``attention``, a list of ``source``, ``row``, ``key``, ``email``,
      ``outcome`` and ``reason``; its texts are input from outside, so escape them
    - ``more``: how many failures ``people`` leaves out; the task's log lists them
    - ``count``: ``more`` and ``people`` together
    - ``outcomes``, ``report`` and ``log_url``

    A notifier that fails does not change the task's state; the task's log has a line about it.

    :param notify: a notifier, or a function that takes a context
    """
    return {
        "on_failure_callback": partial(_notify_failure, notify),
        "on_success_callback": partial(_notify_people, notify),
    }


def _notify_failure(notify: Callback, context: Context) -> None:
    _notify(notify, context, failed=True)


def _notify_people(notify: Callback, context: Context) -> None:
    if _pulled(context, "attention"):
        _notify(notify, context, failed=False)


def _notify(notify: Callback, context: Context, *, failed: bool) -> None:
    from airflow.providers.common.compat.sdk import redact

    from zoom_provider.provisioning.report import FAILURES

    people = _pulled(context, "attention") or []
    outcomes = _pulled(context, "outcomes") or {}
    count = max(len(people), sum(outcomes.get(outcome, 0) for outcome in FAILURES))
    error = context.get("exception")
    values = {
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
    fields["zoom"] = values
    try:
        # A notifier renders its templates in place: the next task would get this one's text.
        copy(notify)(context)
    except Exception as error:
        log.error(
            "The notification could not be sent: %s: %s", type(error).__name__, redact(str(error))
        )


def _pulled(context: Context, key: str) -> Any:
    """Return the XCom that the task pushed, or None if there is none or it cannot be read."""
    ti = context["ti"]
    try:
        return ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=ti.map_index)
    except Exception as error:
        # A failure is reported even if its details are lost.
        log.warning("The task's XCom %r cannot be read: %s", key, error)
        return None
