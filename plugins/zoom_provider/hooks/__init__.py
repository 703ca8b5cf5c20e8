"""From an Airflow connection to a Zoom client."""
