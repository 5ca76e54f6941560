"""MVTec AD datasets: anomalies."""
