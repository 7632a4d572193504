"""A user's own app on the restart paths: what `*.survive.yaml` asks for, run by the same scenario as our rows."""
