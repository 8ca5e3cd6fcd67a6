"""The whole way, live servers, over HTTP."""
