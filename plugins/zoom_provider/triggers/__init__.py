"""Airflow triggers that poll Zoom and never write to it."""
