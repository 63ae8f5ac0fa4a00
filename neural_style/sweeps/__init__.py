"""Many runs: sweeps, their store, contact sheets, worker processes."""
