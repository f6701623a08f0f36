"""The science, one family a folder: light, water, plant, soil, disturbance. The package is the registry."""
