"""Many runs: sweeps, their store, contact sheets, processes that are replaced."""
