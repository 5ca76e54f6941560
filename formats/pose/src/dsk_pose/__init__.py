"""Human pose datasets: MPII."""
