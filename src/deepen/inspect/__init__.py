"""Looking into networks: from the description alone, or with an engine that is handed in."""
