"""An app that uvicorn and gunicorn serve."""
