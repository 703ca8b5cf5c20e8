"""
A local Zoom to test against. Imports nothing of ours outside this package, so that it can disagree.

Start one with ``python -m zoom_provider.simulator`` or, within a test, with
:func:`zoom_provider.simulator.server.running`. Every point on which the sources are unsure is a
switch (``--help`` lists all; ``PATCH /control/settings`` changes them).

States: absent, elsewhere (``foreign_accounts``), pending, expired, active, inactive. A deleted
person is absent again; a disassociated one keeps a personal account elsewhere and can be invited.

========================================  =====================================================
calls                                     switches that change them
========================================  =====================================================
POST /users                               create_status, sso, foreign_precreate, seats, ...
GET /users                                large_pages, pending_fields
GET /users/{id}                           pending_fields, pending_get_has_id, spelling
PATCH /users/{id}                         ignored_fields, pending_group, inactive_update,
                                          unknown_manager, custom_attributes, empty_clears
PUT /users/{id}/email                     managed_domains, email_taken, email_changes_limited,
                                          old_email_reserved, pending_email
PUT /users/{id}/status                    put_status_code, repeated_status, pending_status,
                                          deactivated_type, deactivation_keeps_groups
DELETE /users/{id}                        managed_domains, pending_delete, transfer_delay
DELETE /users/{id}/token
GET, PATCH /users/{id}/settings           ignored_fields (``feature.webinar``), seats
POST /users/features                      seats, plan_seats
GET, POST, PATCH, DELETE /groups/...      groups_without_effect
GET, POST, DELETE /roles/...              roles_without_effect
GET /accounts/me/plans/usage              seats, plan_seats, pending_in_usage
GET /accounts/me/managed_domains          managed_domains (needs a scope that is not granted)
========================================  =====================================================

What happens outside of the API is a control call, with a method of the same name on
:class:`~zoom_provider.simulator.server.Simulator`:

=========================================  ====================================================
control call                               what happens
=========================================  ====================================================
POST /control/people                       people are there, past every rule (``seed``)
POST /control/people/{email}/confirm       a pending person accepts the invitation
POST /control/people/{email}/expire        an invitation expires
PATCH, DELETE /control/people/{email}      an administrator changes or deletes a person
POST /control/sso-login                    a person logs in by SSO (``sso_*`` switches)
POST /control/groups, /control/roles       a group with members, or a role, is there
POST /control/clock                        time passes: ``{"forward": 86400}``
PATCH /control/settings                    switches change
POST, DELETE /control/faults               something goes wrong (see faults.py)
GET /control/state, /requests, /events     people and counts, calls, webhook events
=========================================  ====================================================
"""
