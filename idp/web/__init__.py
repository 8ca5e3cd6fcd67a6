"""What all HTTP rooms share: the reference number, refusals as answers, security headers, ways back after sign-in.

Routes: none of its own. The doors above it (`portal`, `sso`, `api`, `admin`, the bridge's portal) use it;
the services below it know nothing of HTTP.
"""
