"""Operations in a row: parsed, checked, run, traced and summed up."""
