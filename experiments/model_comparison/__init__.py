"""Any number of recognisers under any number of conditions: tables with paired intervals, figures, one page."""
