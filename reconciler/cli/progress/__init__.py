"""How a run is told while it works: pure values and texts, and one thin pane that draws."""
