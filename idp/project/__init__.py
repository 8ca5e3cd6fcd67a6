"""The wiring of the whole site: environment, settings, urls, the web server's and Celery's entry."""
