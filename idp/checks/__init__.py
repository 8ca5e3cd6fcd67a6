"""Start-up checks with number and hint; a dangerous setting is an error outside the demo.

All are deployment checks: web server, worker and timetable run them before they start (`idp.project.start_up`), and
so does `manage.py check --deploy`; the commands that mend what they find can still be run. Modules: site, directory,
statements.
"""
