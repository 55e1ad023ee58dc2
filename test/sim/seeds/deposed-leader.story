# Seeds 53, 115 and 120 of old: a leader that is cut off goes on naming itself, or refuses a swap by what it still knows.
dice 53 managers 5 workers 4
400 service 1 0 2
300 isolate 0 1 0
2500 service 1 1 4
1500 heal 0 0 0
600 cut-both 0 2 0
500 isolate 0 1 0
3000 weather 40 40 30
900 heal 0 0 0
400 freeze 0 2500 0
2600 isolate 2 1 0
2500 heal 0 0 0
700 cut 0 3 0
1200 cut 2 1 0
1500 isolate 0 1 0
200 transfer 0 0 0
2200 heal 0 0 0
