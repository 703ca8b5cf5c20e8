"""Zoom's requests and rules. Knows no wire and no Airflow."""
