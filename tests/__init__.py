"""The tests mirror the code; house/ keeps promises, journeys/ walks whole paths."""
