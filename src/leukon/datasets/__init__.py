"""Labelled images: manifests, splits, audits, readers of published data sets, generated smears."""
