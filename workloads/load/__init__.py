"""The load generator: a precise prober, and Locust as background load; both write rows of requests as JSON lines."""
