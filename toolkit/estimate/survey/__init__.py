"""Survey estimation: analytic sample, linearization, intervals, reliability."""
