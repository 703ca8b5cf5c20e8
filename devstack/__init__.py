"""
One Airflow on this machine: its processes, versions, log-in and REST API.

``make demo`` and ``make ui``, the integration tests and the benchmarks all start Airflow from here.
It is a tool of this project and is not part of the distribution.
"""
