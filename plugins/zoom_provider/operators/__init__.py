"""Airflow operators for Zoom users."""
