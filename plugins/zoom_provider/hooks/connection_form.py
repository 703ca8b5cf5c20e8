"""
The connection form for Airflow 2.11 and 3.1: widgets, made of what newer ones read.

``flask_appbuilder``, ``flask_babel`` and ``wtforms`` are there only where Airflow's web server is,
hence the imports inside the functions. In Airflow 3.1 they are stand-ins of its API server's.
"""

from __future__ import annotations

from typing import Any

from zoom_provider.get_provider_info import FORM_FIELDS, FormField, ui_field_behaviour


def get_connection_form_widgets() -> dict[str, Any]:
    """
    Give the fields of a Zoom connection's extras, as hooks of Airflow 2 give them.

    Airflow 2 puts the fields of *every* connection type into one form, so none of these may
    refuse to be empty: it would keep people from saving connections of other types.
    """
    return {field.name: _widget(field) for field in FORM_FIELDS}


def get_ui_field_behaviour() -> dict[str, Any]:
    """Say what the standard fields are called, which are hidden, and what empty ones show."""
    return ui_field_behaviour()


def _widget(field: FormField) -> Any:
    """Make the form field. Airflow 2 allows four classes, of which none holds a fraction."""
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
    from flask_babel import lazy_gettext
    from wtforms import PasswordField, StringField
    from wtforms.validators import Optional, any_of

    label = lazy_gettext(field.label)
    validators: list[Any] = [Optional()]
    if field.secret:
        return PasswordField(
            label,
            validators=validators,
            widget=BS3PasswordFieldWidget(),
            description=field.description,
        )
    if field.choices:
        validators.append(any_of(field.choices))
    return StringField(
        label,
        validators=validators,
        widget=_DropDown(field.choices) if field.choices else BS3TextFieldWidget(),
        description=field.description,
        default=None if field.default is None else str(field.default),
    )


class _DropDown:
    """
    Render a text field as a drop-down.

    ``SelectField`` would do so by itself, but Airflow 2 refuses it and drops the hook.
    """

    def __init__(self, choices: tuple[str, ...]) -> None:
        self.choices = choices

    def __call__(self, field: Any, **attributes: Any) -> Any:
        """Give the HTML for a field, with its present value selected."""
        from markupsafe import Markup

        options = Markup("").join(
            Markup("<option {}>{}</option>").format(
                _attributes(value=choice, selected=choice == field.data), choice
            )
            for choice in self.choices
        )
        given = attributes | {"id": field.id, "name": field.name, "class": "form-control"}
        return Markup("<select {}>{}</select>").format(_attributes(**given), options)


def _attributes(**given: Any) -> Any:
    from markupsafe import Markup
    from wtforms.widgets import html_params

    return Markup(html_params(**given))  # noqa: S704 - it escapes each value itself
