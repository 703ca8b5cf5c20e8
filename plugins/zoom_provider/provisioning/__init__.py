"""What to do with people. Knows the client, not Airflow."""
