"""Zoom's HTTP API. Knows no Airflow."""
