"""Coverage-guided fuzzing: programs that a test runs for a bounded time, and that anybody may run for longer."""
